// Where the text is at this moment: on the server, on its way, or in this browser alone.
import { Icon, type IconName, useStore } from "../../core";
import type { Saver, SaveState } from "./saver";

function said(state: SaveState, isDraft: boolean): { icon: IconName; text: string; tone: string } | null {
  switch (state.what) {
    case "clean":
      return null;
    case "saving":
      return { icon: "clock", text: "Saving …", tone: "" };
    case "saved":
      return { icon: "check", text: isDraft ? "Draft saved" : "Saved", tone: "good" };
    case "away":
      return { icon: "alert", text: "Kept in this browser. The server is asked again.", tone: "warn" };
    case "refused":
      return { icon: "alert", text: `Not saved. ${state.reason ?? ""}`, tone: "bad" };
    default:
      return isDraft
        ? { icon: "clock", text: "Not saved yet", tone: "" }
        : { icon: "info", text: "Not saved yet: this post goes out as it was until you save.", tone: "warn" };
  }
}

export function SavedState({ saver, isDraft }: { saver: Saver; isDraft: boolean }) {
  const found = said(useStore(saver.state), isDraft);
  return (
    <p class={`saved-state ${found?.tone ?? ""}`} role="status">
      {found && (
        <>
          <Icon name={found.icon} size={16} /> {found.text}
        </>
      )}
    </p>
  );
}
