// Operations, for admins: is it working, was it on time, and what to do.
import "./operations.css";
import { useRef, useState } from "preact/hooks";
import { api, ApiProblem, Icon, isOpen, pause, reasonOf, type Schemas, session, setQuery, ShowTheCall, specOf, toast, useLive, useQuery, useStore } from "../../core";
import type { PageProps } from "../page";
import { NextHour, Sweeps, Throughput } from "./Attempts";
import { LatestLate, Lateness } from "./Lateness";
import { Alerts, Queue, Services } from "./Services";

const WINDOWS = { "1h": "hour", "24h": "day", "7d": "week", "30d": "month" } as const;
type Window = keyof typeof WINDOWS;
const FIGURES_MS = 30_000;

export function Operations(props: PageProps) {
  const state = useStore(session);
  if (isOpen(state) && !state.admin) return <NotForYou user={state.userId} />;
  return <ForAdmins {...props} />;
}

const NotForYou = ({ user }: { user: string }) => (
  <section class="page">
    <h1>Operations</h1>
    <div class="not-for-you">
      <Icon name="info" size={32} />
      <div>
        <h2>This page is for operators</h2>
        <p>
          You are logged in as <strong>{user}</strong>, without the role of an admin. The figures here are of the whole installation,
          so they are shown to admins alone.
        </p>
        <p class="quiet">
          Are you the operator? Log in with a token that carries <code>role: admin</code>: <code>flask --app wsgi token {user} --admin</code>.
          Your own posts in need of a hand are under <a href="/console/attention">Needs attention</a>.
        </p>
      </div>
    </div>
  </section>
);

interface Found {
  services: Schemas["ServiceStates"];
  runs: Schemas["SweepRunView"][];
}

interface Figures {
  window: Window;
  lateness: Schemas["LatenessFigures"];
  attempts: Schemas["AttemptFigures"];
}

function ForAdmins(_: PageProps) {
  const asked = useQuery().get("window") ?? "24h";
  const window: Window = asked in WINDOWS ? (asked as Window) : "24h";
  const [found, setFound] = useState<Found | null>(null);
  const [figures, setFigures] = useState<Figures | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [sweeping, setSweeping] = useState(false);
  const read = useRef({ window: "", at: -Infinity });

  const live = useLive(async () => {
    try {
      const [services, sweeps] = await Promise.all([api.get("/api/operations/services"), api.get("/api/operations/sweeps")]);
      setFound({ services, runs: sweeps.runs });
      pause.set(services.paused);
      if (read.current.window !== window || performance.now() - read.current.at > FIGURES_MS) {
        const [lateness, attempts] = await Promise.all([
          api.get("/api/operations/lateness", { query: { window } }), api.get("/api/operations/attempts", { query: { window } }),
        ]);
        read.current = { window, at: performance.now() };
        setFigures({ window, lateness, attempts });
      }
      setProblem(null);
    } catch (error) {
      setProblem(error);
      throw error;
    }
  }, {}, window);

  const sweep = async (): Promise<void> => {
    setSweeping(true);
    try {
      const { result } = await api.post("/api/scheduler/run");
      toast({ text: result.skipped ? "Another sweep is running, so this one was skipped." : `Swept: ${result.postsProcessed} posts sent.`, tone: "good" });
      live.now();
    } catch (error) {
      toast({ text: reasonOf(error), tone: "bad" });
    } finally {
      setSweeping(false);
    }
  };
  if (problem instanceof ApiProblem && problem.code === "admin_required") return <NotForYou user="somebody" />;
  const works = found?.services.operational;
  const isNow = figures?.window === window;
  return (
    <section class="page operations">
      <header class="operations-head">
        <div>
          <h1>Operations</h1>
          <p class={found === null ? "quiet" : works ? "works" : "fails"} role="status">
            {found === null ? (problem ? reasonOf(problem) : "Looking …") : works ? "Posts go out." : found.services.paused
              ? "All sending is paused. To end the pause, run flask --app wsgi resume on the server."
              : "Posts do not go out now. The alerts say what to do."}
          </p>
        </div>
        <button type="button" class="button" disabled={sweeping} onClick={() => void sweep()}>{sweeping ? "Sweeping …" : "Sweep now"}</button>
      </header>
      {found && (
        <>
          <section class="panel" aria-labelledby="alerts"><h2 id="alerts">Alerts</h2><Alerts alerts={found.services.alerts} /></section>
          <section aria-labelledby="services" class="bare"><h2 id="services">Services</h2><Services found={found.services} /></section>
          <section class="panel" aria-labelledby="queue"><h2 id="queue">Posts</h2><Queue found={found.services} /></section>
        </>
      )}
      <div class="operations-window">
        <h2>Figures of the last {WINDOWS[window]}</h2>
        <div class="segments" role="group" aria-label="Window">
          {(Object.keys(WINDOWS) as Window[]).map((one) => (
            <button key={one} type="button" aria-pressed={one === window} onClick={() => setQuery({ window: one === "24h" ? null : one })}>{WINDOWS[one]}</button>
          ))}
        </div>
      </div>
      {figures && (
        <div class={isNow ? "operations-figures" : "operations-figures old"} aria-busy={!isNow}>
          <section class="panel" aria-labelledby="lateness"><h2 id="lateness">Lateness of first tries</h2><Lateness found={figures.lateness} /></section>
          <section class="panel" aria-labelledby="late"><h2 id="late">The latest late posts</h2><LatestLate found={figures.lateness} /></section>
          <section class="panel" aria-labelledby="throughput"><h2 id="throughput">Throughput</h2><Throughput found={figures.attempts} /></section>
          <section class="panel" aria-labelledby="next"><h2 id="next">The next hour</h2><NextHour found={figures.attempts} /></section>
        </div>
      )}
      {found && <section class="panel" aria-labelledby="sweeps"><h2 id="sweeps">Sweeps</h2><Sweeps runs={found.runs} /><ShowTheCall call={specOf("POST", "/api/scheduler/run")} /></section>}
    </section>
  );
}
