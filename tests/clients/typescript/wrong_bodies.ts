// Bodies that the types refuse. A line that compiles after all is an error of its comment.
import type { components } from "./api.js";

type PostCreate = components["schemas"]["PostCreate"];

// @ts-expect-error: content is required
export const empty: PostCreate = {};
// @ts-expect-error: content is text
export const number: PostCreate = { content: 1 };
// @ts-expect-error: no such platform
export const elsewhere: PostCreate = { content: "Hello", platform: "myspace" };
// @ts-expect-error: no such field
export const misspelt: PostCreate = { content: "Hello", scheduleAt: "2030-01-01T09:00:00Z" };
