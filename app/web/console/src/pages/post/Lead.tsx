// The first sentence about a post, its risks, and the post itself.
import { clock, Icon, type IconName, instantText, type Post, platformName, relativeText, useStore } from "../../core";
import { accounts, readAccounts } from "../composer/accounts";
import { useEffect, useState } from "preact/hooks";
import { lasted } from "./sentences";

interface LeadProps {
  post: Post;
  zone: string;
  inDoubt: boolean;
  /** When the latest try was handed over, null before. */
  sentAt: string | null;
}

export function Lead({ post, zone, inDoubt, sentAt }: LeadProps) {
  const now = useNow();
  switch (post.status) {
    case "draft":
      return <>A draft. Nothing goes out until you schedule it.</>;
    case "scheduled": {
      const at = post.nextAttemptAt ?? post.scheduledAt ?? post.updatedAt;
      const what = post.retryCount > 0 ? "Next try" : "Goes out";
      const soon = Date.parse(at) <= now ? "now" : relativeText(at, now);
      return <>{what} {soon}: {instantText(at, zone)}</>;
    }
    case "publishing":
      return sentAt === null ? <>Going out now.</> : <>Handed over {instantText(sentAt, zone)}. Its publication is not confirmed yet.</>;
    case "published":
      return <>Published {post.publishedAt ? instantText(post.publishedAt, zone) : ""}{lateText(post)}.</>;
    case "failed":
      return <>{inDoubt ? "Nobody knows whether this post went out." : "This post did not go out."}</>;
    default:
      return <>Cancelled. This post never goes out.</>;
  }
}

function lateText(post: Post): string {
  const late = post.publishedLatenessMs;
  if (late === null) return "";
  return late >= 0 ? `, ${lasted(late)} after its instant` : `, ${lasted(late)} before its instant`;
}

/** The server's time, each second, while something is still to come. */
function useNow(): number {
  const [now, setNow] = useState(clock.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(clock.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** Known, and no danger: the alarm of a far instant is set later, and unchecked files may be fine. */
const HARMLESS = new Set(["parked", "media_unchecked"]);

/** What may keep the post back, and apart from it what is only worth knowing. */
export function Risks({ post }: { post: Post }) {
  const real = post.risks.filter((risk) => !HARMLESS.has(risk.code));
  const known = post.risks.filter((risk) => HARMLESS.has(risk.code));
  return (
    <>
      {real.length > 0 && <RiskList id="risks" look="risks" icon="attention" title="It may not go out on time" risks={real} />}
      {known.length > 0 && <RiskList id="known" look="known" icon="info" title="Good to know" risks={known} />}
    </>
  );
}

interface RiskListProps {
  id: string;
  look: string;
  icon: IconName;
  title: string;
  risks: Post["risks"];
}

const RiskList = ({ id, look, icon, title, risks }: RiskListProps) => (
  <section class={`post-part ${look}`} aria-labelledby={id}>
    <h2 id={id}>
      <Icon name={icon} /> {title}
    </h2>
    <ul class="risk-list">
      {risks.map((risk) => (
        <li key={risk.code}>
          <b>{risk.message}</b> {risk.cure}
        </li>
      ))}
    </ul>
  </section>
);

export function Shown({ post }: { post: Post }) {
  const all = useStore(accounts);
  useEffect(() => {
    if (all === null) readAccounts().catch(() => undefined); // its name is a nicety
  }, []);
  const account = all?.find((one) => one.id === post.socialAccountId)?.accountName;
  const media = post.media.length > 0 ? post.media : post.imageUrl ? [{ url: post.imageUrl, type: "image" }] : [];
  return (
    <section class="post-part post-shown" aria-labelledby="shown">
      <h2 id="shown">The post</h2>
      <p class="quiet fine">{account ?? platformName(post.platform)}</p>
      <p class="post-text">{post.content || <span class="quiet">No text</span>}</p>
      {media.length > 0 && (
        <ul class="post-files">
          {media.map((one) => (
            <li key={one.url}>
              <Icon name={one.type === "document" ? "docs" : "link"} size={16} />
              <a href={one.url} target="_blank" rel="noreferrer noopener">
                {one.type}: {one.url.split(/[?#]/)[0]!.split("/").pop() || one.url}
              </a>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
