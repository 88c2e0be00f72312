// The frame: rail or bottom bar, banners, and the page of the address.
import { useEffect, useRef } from "preact/hooks";
import { LiveRegion } from "./core/announce";
import { reachable } from "./core/api";
import { clock } from "./core/clock";
import { attention, refreshAttention } from "./core/counts";
import { Icon } from "./core/icons";
import { KeyHelp, showHelp, useKeys } from "./core/keys";
import { reading, useLive } from "./core/live";
import { pause, refreshPause } from "./core/pause";
import { navigate, usePath } from "./core/router";
import { isOpen, logOut, refreshSession, type Session, session } from "./core/session";
import { useStore } from "./core/store";
import { relativeText } from "./core/zones";
import { toast, Toasts } from "./core/toast";
import { ATTENTION, pageOf, PAGES } from "./pages";
import { takeBack } from "./pages/login/back";
import { Login } from "./pages/login/Login";

const LOGIN = "/console/login";
const ATTENTION_MS = 30_000;

export function App() {
  const path = usePath();
  const state = useStore(session);
  const byLink = useRef(location.hash.includes("token=")); // the login page takes it out of the address
  useEffect(() => {
    // With a token in the address, the login page opens a session. Elsewhere Waiting asks.
    if (path === LOGIN && !byLink.current) void refreshSession();
  }, []);
  useEffect(() => {
    if (state === "none" && path !== LOGIN) {
      const back = encodeURIComponent(location.pathname + location.search);
      navigate(`${LOGIN}?return=${back}`, { replace: true });
    }
  }, [state, path]);
  useEffect(() => {
    if (!isOpen(state) || path === LOGIN) return;
    const back = takeBack();
    if (back !== null && path === "/") navigate(back, { replace: true });
  }, [state, path]);
  if (path === LOGIN || state === "none") return <Login />;
  if (state === "unknown") return <Waiting />;
  return <Frame path={path} user={isOpen(state) ? state : null} />;
}

function Waiting() {
  useLive(refreshSession);
  return <Banners />;
}

function Frame({ path, user }: { path: string; user: Session | null }) {
  const found = pageOf(path);
  const count = useStore(attention);
  const title = found?.page.title ?? "Not found";
  const main = useRef<HTMLElement>(null);
  const admin = useRef(false);
  if (user) admin.current = user.admin; // the rail stays as it was while the session is renewed
  const polled = useRef(0);
  useLive(
    async () => {
      if (Date.now() - polled.current < ATTENTION_MS) return;
      polled.current = Date.now();
      await Promise.all([refreshAttention(), refreshPause()]);
    },
    { paused: () => reading.get() },
  );
  useEffect(() => {
    document.title = `${count ? `(${count}) ` : ""}${title} · Punctual`;
  }, [title, count]);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [path]);
  useKeys([
    { key: "n", does: "Write a new post", run: () => navigate("/console/posts/new") },
    { key: "c", does: "Go to the calendar", run: () => navigate("/") },
    { key: "a", does: "Go to what needs attention", run: () => navigate(ATTENTION) },
  ]);
  const Page = found?.page.Component ?? NotFound;
  return (
    <div class="frame">
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <Rail path={path} admin={admin.current} count={count} />
      <div class="body">
        <Banners />
        <main id="main" class={`at-${found?.page.name ?? "nowhere"}`} ref={main} tabIndex={-1}>
          <Page key={path} params={found?.params ?? {}} />
        </main>
        <footer class="phone-foot">
          <Foot />
        </footer>
      </div>
      <Toasts />
      <LiveRegion />
      <KeyHelp />
    </div>
  );
}

function Rail({ path, admin, count }: { path: string; admin: boolean; count: number }) {
  const shown = PAGES.filter((page) => page.icon && (!page.adminOnly || admin));
  return (
    <nav class="rail" aria-label="Pages">
      <p class="brand">Punctual</p>
      <a class="button primary compose" href="/console/posts/new">
        <Icon name="plus" />
        <span>New post</span>
      </a>
      <ul>
        {shown.map((page) => (
          <li key={page.path}>
            <a href={page.path} aria-current={page.path === path ? "page" : undefined}>
              <Icon name={page.icon!} />
              <span class="long">{page.title}</span>
              <span class="short">{page.short ?? page.title}</span>
              {page.path === ATTENTION && count > 0 && (
                <span class="count">
                  {count > 99 ? "99+" : count}
                  <span class="visually-hidden"> posts</span>
                </span>
              )}
            </a>
          </li>
        ))}
      </ul>
      <Foot />
    </nav>
  );
}

const leave = (): Promise<void> =>
  logOut().catch(() => {
    toast({ text: "The server did not answer, so you are still logged in. Try again in a moment.", tone: "bad" });
  });

const Foot = () => (
  <ul class="foot">
    <li>
      <a href="/docs">
        <Icon name="docs" />
        <span>API</span>
      </a>
    </li>
    <li>
      <button type="button" onClick={showHelp}>
        <Icon name="help" />
        <span>Keys</span>
      </button>
    </li>
    <li>
      <button type="button" onClick={() => void leave()}>
        <Icon name="leave" />
        <span>Log out</span>
      </button>
    </li>
  </ul>
);

function Banners() {
  const up = useStore(reachable);
  const state = useStore(session);
  const paused = useStore(pause);
  useEffect(() => {
    if (state !== "ended") return;
    const look = (): void => void (document.hidden || refreshSession());
    document.addEventListener("visibilitychange", look);
    window.addEventListener("focus", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      window.removeEventListener("focus", look);
    };
  }, [state]);
  return (
    <div class="banners" role="alert">
      {!up && (
        <p class="banner bad">
          <Icon name="alert" /> The server does not answer. What you see may be old. What you typed is kept, and nothing is
          sent twice.
        </p>
      )}
      {paused && (
        <p class="banner warn">
          <Icon name="clock" />
          <span>
            An operator paused all sending {relativeText(paused.since, clock.now())}: {paused.reason}. Scheduled posts wait, and go out
            once the pause ends.
          </span>
        </p>
      )}
      {state === "ended" && (
        <p class="banner warn">
          <Icon name="clock" />
          <span>
            Your session has ended. What you typed is still here.{" "}
            <a href={LOGIN} target="_blank">
              Log in again in a new tab
            </a>
            , then come back and repeat the action.
          </span>
        </p>
      )}
    </div>
  );
}

const NotFound = () => (
  <section class="page">
    <h1>There is no such page</h1>
    <p>
      <a href="/">Go to the calendar</a>
    </p>
  </section>
);
