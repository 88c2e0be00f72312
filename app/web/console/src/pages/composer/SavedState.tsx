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
    case "conflict":
      return { icon: "alert", text: "Not saved: this post was changed in another window or by somebody else.", tone: "bad" };
    case "refused":
      return { icon: "alert", text: `Not saved. ${state.reason ?? ""}`, tone: "bad" };
    default:
      return isDraft
        ? { icon: "clock", text: "Not saved yet", tone: "" }
        : { icon: "info", text: "Not saved yet: this post goes out as it was until you save.", tone: "warn" };
  }
}

interface SavedStateProps {
  saver: Saver;
  isDraft: boolean;
  onTakeSaved: () => void;
}

export function SavedState({ saver, isDraft, onTakeSaved }: SavedStateProps) {
  const state = useStore(saver.state);
  const found = said(state, isDraft);
  return (
    <p class={`saved-state ${found?.tone ?? ""}`} role="status">
      {found && (
        <>
          <Icon name={found.icon} size={16} /> {found.text}
          {state.what === "conflict" && (
            <>
              <button type="button" class="button small" onClick={onTakeSaved}>
                Take the saved version
              </button>
              <button type="button" class="button small" onClick={() => void saver.overwrite()}>
                Save this one over it
              </button>
            </>
          )}
        </>
      )}
    </p>
  );
}
