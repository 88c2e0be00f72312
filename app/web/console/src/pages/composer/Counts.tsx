// The counts of a text beside the platform's limits, as it is typed.
import { type Counted, countsOf, type TextRules } from "./count";

const NEAR = 0.9;

const tone = ({ actual, limit }: Counted): string => (actual > limit ? "over" : actual >= limit * NEAR ? "near" : "fine");

export function Counts({ text, rules }: { text: string; rules: TextRules }) {
  const counts = countsOf(text, rules).filter((one) => one.name === "characters" || one.actual > 0);
  return (
    <ul class="counts" aria-label="Counts">
      {counts.map((one) => (
        <li key={one.name} class={`count-${tone(one)}`} data-count={one.name}>
          <b>{one.actual.toLocaleString("en")}</b> of {one.limit.toLocaleString("en")} {one.name}
        </li>
      ))}
    </ul>
  );
}
