// Tries over time with their outcomes, the posts of the next hour, and the sweeps.
import { clock, instantText, relativeText, type Schemas, timeText, viewerZone } from "../../core";
import { type Bar, Bars, Legend } from "./charts";
import { axisText, msText, numberText, words } from "./format";

type Figures = Schemas["AttemptFigures"];

/** Outcomes in the order of the stack, and the colour of each. */
const KINDS: [string, string, string[]][] = [
  ["good", "published or accepted", ["published", "accepted", "already_there"]],
  ["busy", "in progress", ["open"]],
  ["warn", "unknown or tried again", ["unknown", "transient", "not_sent"]],
  ["bad", "failed", ["permanent", "reconnect"]],
];

/** The parts of a bar: the shares of its sample, at the height of its whole count. */
function partsOf(count: number, outcomes: Record<string, number>): Bar["parts"] {
  const sample = Object.values(outcomes).reduce((sum, number) => sum + number, 0);
  const known = new Set(KINDS.flatMap(([, , codes]) => codes));
  return KINDS.map(([name, , codes], index) => {
    const all = index === 0 ? [...codes, ...Object.keys(outcomes).filter((code) => !known.has(code))] : codes;
    const share = all.reduce((sum, code) => sum + (outcomes[code] ?? 0), 0);
    return { name, value: sample ? (count * share) / sample : 0 };
  });
}

const listed = (outcomes: Record<string, number>): string => Object.entries(outcomes).map(([code, number]) => `${number} ${words(code)}`).join(", ");

export function Throughput({ found }: { found: Figures }) {
  if (found.count === 0) return <p class="quiet">No try in this time.</p>;
  return (
    <>
      <p class="quiet">{numberText(found.count)} tries, {found.perHour.toLocaleString("en")} an hour. Of the sample: {listed(found.outcomes)}.</p>
      <Bars
        label={`Tries over time: ${numberText(found.count)} in all, ${listed(found.outcomes)}.`}
        legend={<Legend names={KINDS.map(([name, text]) => [name, text])} />}
        bars={found.buckets.map((bucket) => ({
          text: axisText(bucket.at, found.window), more: bucket.more,
          title: `${instantText(bucket.at, viewerZone())}: ${numberText(bucket.count)}${bucket.more ? " or more" : ""} tries${bucket.count ? `, ${listed(bucket.outcomes)}` : ""}`,
          parts: partsOf(bucket.count, bucket.outcomes),
        }))}
      />
    </>
  );
}

export function NextHour({ found }: { found: Figures }) {
  const total = found.nextHour.reduce((sum, minute) => sum + minute.count, 0);
  const busiest = found.nextHour.reduce((most, minute) => (minute.count > most.count ? minute : most), found.nextHour[0]!);
  if (total === 0) return <p class="quiet">Nothing is due in the next hour.</p>;
  return (
    <>
      <p class="quiet">{numberText(total)} posts. The busiest minute is {timeText(busiest.at, viewerZone())} with {numberText(busiest.count)}{busiest.more ? " or more" : ""}.</p>
      <Bars
        label={`Posts due in each minute of the next hour, ${numberText(total)} in all.`}
        bars={found.nextHour.map((minute) => ({
          text: timeText(minute.at, viewerZone()), title: `${timeText(minute.at, viewerZone())}: ${numberText(minute.count)}${minute.more ? " or more" : ""}`,
          more: minute.more, parts: [{ name: "due", value: minute.count }],
        }))}
      />
    </>
  );
}

const SHOWN = 12;

export function Sweeps({ runs }: { runs: Schemas["SweepRunView"][] }) {
  if (runs.length === 0) return <p class="quiet">No sweep has run yet. A cron or <code>flask sweep --every</code> should start one every five minutes.</p>;
  return (
    <div class="scroll" role="region" aria-label="The latest sweeps" tabIndex={0}>
      <table>
        <thead>
          <tr><th scope="col">Started</th><th scope="col">Took</th><th scope="col">Sent</th><th scope="col">Armed</th><th scope="col">Leases ended</th><th scope="col">Held</th><th scope="col">Left</th><th scope="col">Result</th></tr>
        </thead>
        <tbody>
          {runs.slice(0, SHOWN).map((run) => (
            <tr key={run.startedAt}>
              <td title={instantText(run.startedAt, viewerZone())}>{relativeText(run.startedAt, clock.now())}</td>
              <td>{msText(run.durationMs)}</td><td>{run.recovered}{run.failed ? `, ${run.failed} failed` : ""}</td><td>{run.armed}</td><td>{run.expired}</td><td>{run.held}</td><td>{numberText(run.remaining)}</td>
              <td class={run.status === "ok" ? undefined : "bad"}>{run.status}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
