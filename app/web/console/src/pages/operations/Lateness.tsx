// Lateness over time, its spread, and what made the latest late posts late.
import { instantText, type Schemas, viewerZone } from "../../core";
import { Bars, Legend, Lines } from "./charts";
import { axisText, msText, numberText } from "./format";

type Figures = Schemas["LatenessFigures"];

export function Lateness({ found }: { found: Figures }) {
  const all = found.all;
  const texts = found.buckets.map((bucket) => axisText(bucket.at, found.window));
  const bounds = [...found.barsMs.map((bound) => `< ${msText(bound)}`), `≥ ${msText(found.barsMs.at(-1))}`];
  if (all.count === 0) return <p class="quiet">No post was sent in this time.</p>;
  return (
    <>
      <dl class="figures">
        {([["p50", all.p50Ms], ["p95", all.p95Ms], ["p99", all.p99Ms], ["highest", all.maxMs]] as const).map(([name, value]) => (
          <div key={name}><dt>{name}</dt><dd>{msText(value)}</dd></div>
        ))}
        <div><dt>posts looked at</dt><dd>{numberText(all.count)}</dd></div>
      </dl>
      <Lines
        label={`Lateness over time. p50 ${msText(all.p50Ms)}, p99 ${msText(all.p99Ms)}, highest ${msText(all.maxMs)}.`}
        legend={<Legend names={[["p50", "p50"], ["p99", "p99"]]} />}
        lines={[
          { name: "p99", values: found.buckets.map((bucket) => bucket.p99Ms) },
          { name: "p50", values: found.buckets.map((bucket) => bucket.p50Ms) },
        ]}
        texts={texts}
        titles={found.buckets.map((b) => `${instantText(b.at, viewerZone())}: ${b.count ? `p50 ${msText(b.p50Ms)}, p99 ${msText(b.p99Ms)}, ${b.count} posts` : "no post"}`)}
      />
      <h3>How late, in how many posts</h3>
      <Bars
        label={`Posts by lateness: ${all.histogram.map((n, i) => `${bounds[i]} ${n}`).filter((_, i) => all.histogram[i]).join(", ")}.`}
        bars={all.histogram.map((number, index) => ({
          text: bounds[index]!, title: `${bounds[index]}: ${numberText(number)} posts`,
          parts: [{ name: (found.barsMs[index - 1] ?? 0) >= 1_000 ? "bad" : "good", value: number }],
        }))}
      />
      {found.platforms.length > 1 && (
        <div class="scroll" role="region" aria-label="Lateness by platform" tabIndex={0}>
          <table>
            <thead><tr><th scope="col">Platform</th><th scope="col">p50</th><th scope="col">p95</th><th scope="col">p99</th><th scope="col">highest</th><th scope="col">posts</th></tr></thead>
            <tbody>
              {found.platforms.map((one) => (
                <tr key={one.platform}>
                  <th scope="row">{one.platform}</th>
                  <td>{msText(one.p50Ms)}</td><td>{msText(one.p95Ms)}</td><td>{msText(one.p99Ms)}</td><td>{msText(one.maxMs)}</td><td>{numberText(one.count)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

export function LatestLate({ found }: { found: Figures }) {
  if (found.latestLate.length === 0) return <p class="calm">No send was more than a second late.</p>;
  return (
    <div class="scroll" role="region" aria-label="The latest late posts" tabIndex={0}>
      <table class="late">
        <thead><tr><th scope="col">Promised</th><th scope="col">Late</th><th scope="col">What made it late</th><th scope="col">Post</th></tr></thead>
        <tbody>
          {found.latestLate.map((late) => (
            <tr key={`${late.postId} ${late.attempt}`}>
              <td>{late.promisedAt ? instantText(late.promisedAt, viewerZone()) : "–"}</td>
              <td><strong>{msText(late.latenessMs)}</strong></td>
              <td>{late.cause.message}{late.cause.formerCode ? ` (${late.cause.formerCode})` : ""}</td>
              <td><code title={late.postId}>{late.postId.slice(0, 8)}</code> <span class="quiet">{late.platform}, try {late.attempt}, by {late.trigger}</span></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
