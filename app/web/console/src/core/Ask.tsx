// A question before something that cannot be taken back.
import type { ComponentChildren } from "preact";
import { Dialog } from "./Dialog";

interface AskProps {
  title: string;
  yes: string;
  no: string;
  danger?: boolean;
  busy: string | null;
  onYes: () => void;
  onNo: () => void;
  children: ComponentChildren;
}

export function Ask({ title, yes, no, danger = false, busy, onYes, onNo, children }: AskProps) {
  return (
    <Dialog
      title={title}
      onClose={onNo}
      actions={
        <>
          <button type="button" class="button" onClick={onNo}>
            {no}
          </button>
          <button type="button" class={danger ? "button danger" : "button primary"} disabled={busy !== null} onClick={onYes}>
            {yes}
          </button>
        </>
      }
    >
      {children}
    </Dialog>
  );
}
