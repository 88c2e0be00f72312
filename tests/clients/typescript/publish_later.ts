// Create and schedule a post with the types of the OpenAPI document, then schedule it wrongly.
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Problem = components["schemas"]["Problem"];

function told(problem: Problem): Error {
  return new Error(`${problem.status} ${problem.code}: ${problem.detail}`);
}

export async function publishLater(baseUrl: string, token: string) {
  const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });

  const created = await client.POST("/api/posts", { body: { content: "We ship on Tuesday." } });
  if (created.error) throw told(created.error);

  const params = { path: { post_id: created.data.id } };
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
  const scheduled = await client.POST("/api/posts/{post_id}/schedule", { params, body: { scheduledAt: inAnHour } });
  if (scheduled.error) throw told(scheduled.error);

  const withoutZone = { scheduledAt: "2030-01-01T09:00:00" };
  const refused = await client.POST("/api/posts/{post_id}/schedule", { params, body: withoutZone });
  if (!refused.error) throw new Error("not refused");
  const problem: Problem = refused.error;

  const { postId, status, armed } = scheduled.data;
  return { postId, status, armed, refusal: [problem.status, problem.code, problem.errors?.[0]?.field] };
}
