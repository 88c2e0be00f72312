// Charts as SVG. Each says its content in a sentence too, for those who do not see it.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

const HEIGHT = 180;
const LEFT = 52;
const BOTTOM = 24;
const TOP = 10;

interface Frame {
  width: number;
  /** The plot's inner size. */
  inner: number;
  high: number;
}

/** Draw at the width that the page gives, so that texts keep their size on a phone. */
function Figure({ label, children, legend }: { label: string; children: (frame: Frame) => ComponentChildren; legend?: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  useEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.max(240, Math.floor(entry.contentRect.width))));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return (
    <figure class="chart">
      {legend && <figcaption class="legend">{legend}</figcaption>}
      <div ref={box}>
        <svg width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={label}>
          {children({ width, inner: width - LEFT - 8, high: HEIGHT - BOTTOM - TOP })}
        </svg>
      </div>
    </figure>
  );
}

export interface Tick {
  at: number;
  text: string;
}

function Grid({ frame, ticks, y }: { frame: Frame; ticks: Tick[]; y: (value: number) => number }) {
  return (
    <g class="grid">
      {ticks.map((tick) => (
        <g key={tick.at}>
          <line x1={LEFT} x2={frame.width - 8} y1={y(tick.at)} y2={y(tick.at)} />
          <text x={LEFT - 8} y={y(tick.at) + 4} text-anchor="end">{tick.text}</text>
        </g>
      ))}
    </g>
  );
}

function Below({ frame, texts }: { frame: Frame; texts: string[] }) {
  const step = frame.inner / Math.max(1, texts.length);
  const every = Math.max(1, Math.ceil((texts.length * 62) / frame.inner));
  return (
    <g class="axis">
      {texts.map((text, index) =>
        index % every === 0 && text ? (
          <text key={index} x={LEFT + step * (index + 0.5)} y={HEIGHT - 6} text-anchor="middle">{text}</text>
        ) : null,
      )}
    </g>
  );
}

export interface Part {
  name: string;
  value: number;
}

export interface Bar {
  text: string;
  /** What a pointer over the bar shows. */
  title: string;
  parts: Part[];
  /** More than it says. */
  more?: boolean;
}

const sum = (bar: Bar): number => bar.parts.reduce((total, part) => total + part.value, 0);

/** A round number at or above the value, and the ticks up to it. */
function ticksTo(most: number): Tick[] {
  const size = 10 ** Math.floor(Math.log10(Math.max(1, most)));
  const top = [1, 2, 5, 10].map((factor) => factor * size).find((value) => value >= most) ?? size * 10;
  const half = top / 2;
  return [0, ...(Number.isInteger(half) ? [half] : []), top].map((at) => ({ at, text: at.toLocaleString("en") }));
}

export function Bars({ label, bars, legend }: { label: string; bars: Bar[]; legend?: ComponentChildren }) {
  const ticks = ticksTo(Math.max(1, ...bars.map(sum)));
  const top = ticks.at(-1)!.at;
  return (
    <Figure label={label} legend={legend}>
      {(frame) => {
        const y = (value: number): number => TOP + frame.high * (1 - value / top);
        const step = frame.inner / Math.max(1, bars.length);
        const wide = Math.max(1, step - Math.min(3, step * 0.25));
        return (
          <>
            <Grid frame={frame} ticks={ticks} y={y} />
            {bars.map((bar, index) => {
              let below = 0;
              return (
                <g key={index}>
                  <title>{bar.title}</title>
                  <rect class="hover" x={LEFT + step * index} y={TOP} width={step} height={frame.high} />
                  {bar.parts.map((part) => {
                    const from = y(below);
                    below += part.value;
                    const high = Math.max(part.value > 0 ? 1.5 : 0, from - y(below));
                    return <rect key={part.name} class={`part part-${part.name}`} x={LEFT + step * index + (step - wide) / 2} y={from - high} width={wide} height={high} rx={Math.min(2, wide / 3)} />;
                  })}
                  {bar.more && <text class="more" x={LEFT + step * (index + 0.5)} y={y(below) - 2} text-anchor="middle">+</text>}
                </g>
              );
            })}
            <Below frame={frame} texts={bars.map((bar) => bar.text)} />
          </>
        );
      }}
    </Figure>
  );
}

export interface Line {
  name: string;
  values: (number | null)[];
}

const LOG_FLOOR = 1;
const LOG_TICKS: Tick[] = [
  { at: 1, text: "1 ms" }, { at: 10, text: "10 ms" }, { at: 100, text: "100 ms" }, { at: 1_000, text: "1 s" },
  { at: 10_000, text: "10 s" }, { at: 100_000, text: "100 s" }, { at: 1_000_000, text: "17 min" },
];

/** Milliseconds over time, on a logarithmic scale: a millisecond and a minute have their place in one picture. */
export function Lines({ label, lines, texts, titles, legend }: { label: string; lines: Line[]; texts: string[]; titles: string[]; legend?: ComponentChildren }) {
  const most = Math.max(LOG_FLOOR * 10, ...lines.flatMap((line) => line.values.map((value) => value ?? 0)));
  const ticks = LOG_TICKS.filter((tick, index) => tick.at <= most || (LOG_TICKS[index - 1]?.at ?? 0) < most);
  const top = Math.log10(ticks.at(-1)!.at);
  return (
    <Figure label={label} legend={legend}>
      {(frame) => {
        const step = frame.inner / Math.max(1, texts.length);
        const y = (value: number): number => TOP + frame.high * (1 - Math.log10(Math.max(LOG_FLOOR, value)) / top);
        const x = (index: number): number => LEFT + step * (index + 0.5);
        return (
          <>
            <Grid frame={frame} ticks={ticks} y={y} />
            {lines.map((line) => (
              <g key={line.name} class={`line line-${line.name}`}>
                {runsOf(line.values).map((run) => (
                  <polyline key={run[0]![0]} points={run.map(([index, value]) => `${x(index)},${y(value)}`).join(" ")} />
                ))}
                {line.values.map((value, index) => (value === null ? null : <circle key={index} cx={x(index)} cy={y(value)} r={2.5} />))}
              </g>
            ))}
            {titles.map((title, index) => (
              <rect key={index} class="hover" x={LEFT + step * index} y={TOP} width={step} height={frame.high}><title>{title}</title></rect>
            ))}
            <Below frame={frame} texts={texts} />
          </>
        );
      }}
    </Figure>
  );
}

/** The unbroken runs of values. A bucket without a post breaks the line. */
function runsOf(values: (number | null)[]): [number, number][][] {
  const runs: [number, number][][] = [];
  let run: [number, number][] = [];
  values.forEach((value, index) => {
    if (value !== null) run.push([index, value]);
    else if (run.length) {
      runs.push(run);
      run = [];
    }
  });
  return run.length ? [...runs, run] : runs;
}

export const Legend = ({ names }: { names: [string, string][] }) => (
  <>
    {names.map(([name, text]) => (
      <span key={name} class="legend-item"><i class={`swatch swatch-${name}`} />{text}</span>
    ))}
  </>
);
