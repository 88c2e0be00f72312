// How many posts need attention, for the rail and the page's title.
import { api } from "./api";
import { createStore } from "./store";

export const attention = createStore(0);

export async function refreshAttention(): Promise<void> {
  const counts = await api.get("/api/posts/counts", { query: { needsAttention: true } });
  attention.set(counts.needsAttention.reduce((sum, cause) => sum + cause.count, 0));
}
