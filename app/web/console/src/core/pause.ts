// The operator's pause of all sending, for the banner.
import { api, type Schemas } from "./api";
import { createStore } from "./store";

export const pause = createStore<Schemas["PauseState"] | null>(null);

export async function refreshPause(): Promise<void> {
  pause.set((await api.get("/api/scheduler/status")).paused);
}
