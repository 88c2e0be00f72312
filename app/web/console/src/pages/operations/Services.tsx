// The outside services, the queue, and the alerts with their cures.
import { clock, Icon, relativeText, type Schemas } from "../../core";
import { msText, numberText, words } from "./format";

type States = Schemas["ServiceStates"];

const GOOD = new Set(["ok", "closed"]);
const STILL = new Set(["none", "unknown"]);
const SAYS: Record<string, string> = {
  ok: "Works",
  unknown: "Nothing known yet",
  none: "Not configured: poll mode",
  failing: "Fails, posts wait",
  not_migrated: "Needs its migration",
};

const tone = (state: string): string => (GOOD.has(state) ? "good" : STILL.has(state) ? "still" : "bad");

function Tile({ name, state, facts }: { name: string; state: string; facts: [string, string][] }) {
  return (
    <article class={`tile tile-${tone(state)}`}>
      <h3>{name}</h3>
      <p class="tile-state"><Icon name={tone(state) === "good" ? "check" : tone(state) === "still" ? "clock" : "alert"} size={16} /> {SAYS[state] ?? words(state)}</p>
      <dl>
        {facts.map(([label, value]) => (
          <div key={label}><dt>{label}</dt><dd>{value}</dd></div>
        ))}
      </dl>
    </article>
  );
}

const ago = (at: string | null): string => (at ? relativeText(at, clock.now()) : "never");

export function Services({ found }: { found: States }) {
  const { database, messageService: qstash, publishers, answers, reports } = found;
  return (
    <div class="tiles">
      <Tile name={database.kind === "postgresql" ? "PostgreSQL" : "SQLite"} state={database.state} facts={[["answered in", msText(database.answerMs)]]} />
      <Tile name="QStash" state={qstash.state} facts={[
        ["last message", ago(qstash.latestMessageAt)],
        ["alarms late, p50 · p99", `${msText(qstash.lateP50Ms)} · ${msText(qstash.lateP99Ms)}`],
        ["lead", qstash.leadSeconds === null ? "–" : `${qstash.leadSeconds} s`],
      ]} />
      {publishers.map((one) => (
        <Tile key={one.name} name={one.name} state={one.state} facts={[
          ["breaker", one.breaker.openedAt ? `${words(one.breaker.state)}, since ${ago(one.breaker.openedAt)}` : words(one.breaker.state)],
          ["in flight", `${one.inFlight} of ${one.maxInFlight}`],
          ["answers, p50 · p99", `${msText(answers.p50Ms)} · ${msText(answers.p99Ms)}`],
          ["reports, p50 · p99", `${msText(reports.p50Ms)} · ${msText(reports.p99Ms)}`],
        ]} />
      ))}
      {publishers.length === 0 && <Tile name="n8n" state="not_configured" facts={[["set", "N8N_WEBHOOK_URL"]]} />}
    </div>
  );
}

const QUEUE = ["draft", "scheduled", "publishing", "published", "failed", "cancelled"];

export function Queue({ found }: { found: States }) {
  const figures: [string, number | null, boolean][] = [
    ...QUEUE.map((name): [string, number | null, boolean] => [name, found.queue?.[name] ?? null, false]),
    ["overdue", found.overdue, (found.overdue ?? 0) > 0],
    ["unarmed", found.unarmed, (found.unarmed ?? 0) > 0],
    ["parked", found.parked, false],
  ];
  return (
    <dl class="figures">
      {figures.map(([name, value, bad]) => (
        <div key={name} class={bad ? "bad" : undefined}><dt>{name}</dt><dd>{numberText(value)}</dd></div>
      ))}
    </dl>
  );
}

export function Alerts({ alerts }: { alerts: States["alerts"] }) {
  if (alerts.length === 0) return <p class="calm"><Icon name="check" /> No alert. Nothing needs an operator now.</p>;
  return (
    <ul class="alerts">
      {alerts.map((alert) => (
        <li key={`${alert.kind} ${alert.subject}`}>
          <Icon name="alert" />
          <div>
            <h3>{words(alert.kind)}{alert.subject && alert.subject !== "scheduler" ? `: ${alert.subject}` : ""}</h3>
            <p>{alert.cure ?? alert.detail}</p>
            {alert.cure && alert.cure !== alert.detail && <p class="quiet">{alert.detail}</p>}
            <p class="quiet">since {ago(alert.since)}, last {ago(alert.lastAt)}, {numberText(alert.count)} times</p>
          </div>
        </li>
      ))}
    </ul>
  );
}
