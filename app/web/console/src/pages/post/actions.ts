// What a person can do with a post, and the call behind each of it.
import { api, type CallSpec, type Post, specOf } from "../../core";

export type ActionName = "retry" | "retryByForce" | "fail" | "unschedule" | "publish" | "cancel";

interface Action {
  label: string;
  done: string;
  call: (post: Post) => CallSpec;
  run: (post: Post) => Promise<unknown>;
}

const POST = "/api/posts/{post_id}";
const path = (post: Post): { post_id: string } => ({ post_id: post.id });

const recovered = (post: Post, action: "retry" | "fail", force = false) => {
  const body = { postId: post.id, action, ...(force ? { force } : {}) };
  return { call: specOf("POST", "/api/posts/recover", { body }), run: () => api.post("/api/posts/recover", { body }) };
};

export const ACTIONS: Record<ActionName, Action> = {
  retry: {
    label: "Try again now",
    done: "It is sent again.",
    call: (post) => recovered(post, "retry").call,
    run: (post) => recovered(post, "retry").run(),
  },
  retryByForce: {
    label: "It is not: send again",
    done: "It is sent again.",
    call: (post) => recovered(post, "retry", true).call,
    run: (post) => recovered(post, "retry", true).run(),
  },
  fail: {
    label: "Mark as failed",
    done: "It is marked as failed.",
    call: (post) => recovered(post, "fail").call,
    run: (post) => recovered(post, "fail").run(),
  },
  unschedule: {
    label: "Unschedule",
    done: "It is a draft again.",
    call: (post) => specOf("POST", `${POST}/unschedule`, { path: path(post) }),
    run: (post) => api.post(`${POST}/unschedule`, { path: path(post) }),
  },
  publish: {
    label: "Publish now",
    done: "It goes out now.",
    call: (post) => specOf("POST", `${POST}/publish`, { path: path(post) }),
    run: (post) => api.post(`${POST}/publish`, { path: path(post), body: {} }),
  },
  cancel: {
    label: "Cancel for good",
    done: "It is cancelled.",
    call: (post) => specOf("DELETE", POST, { path: path(post) }),
    run: (post) => api.delete(POST, { path: path(post) }),
  },
};

/** The actions of a post's status. In doubt, sending again is a question of its own. */
export function actionsOf(post: Post, inDoubt: boolean): ActionName[] {
  switch (post.status) {
    case "draft":
      return ["publish", "cancel"];
    case "scheduled":
      return ["publish", "unschedule", "cancel"];
    case "publishing":
      return ["fail"];
    case "failed":
      return inDoubt ? ["cancel"] : ["retry", "cancel"];
    default:
      return [];
  }
}

/** Those that a person confirms first. */
export const ASKED: Partial<Record<ActionName, { title: string; text: string; yes: string; no: string }>> = {
  publish: { title: "Publish now?", text: "It goes out at once, and cannot be called back from here.", yes: "Yes, publish now", no: "Not yet" },
  cancel: { title: "Cancel this post?", text: "It never goes out then. You can still copy it into a new one.", yes: "Yes, cancel it", no: "Keep it" },
  fail: { title: "Mark it as failed?", text: "Do this where no report comes any more. While the post is really going out, the server refuses.", yes: "Yes, mark it", no: "Wait" },
};
