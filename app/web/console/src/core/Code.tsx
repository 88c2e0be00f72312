// "Show the call": the curl of an action, folded.
import { type CallSpec, curlOf } from "./curl";
import { toast } from "./toast";

export function ShowTheCall({ call }: { call: CallSpec }) {
  const text = curlOf(call);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    toast({ text: "The call is copied.", tone: "good" });
  };
  return (
    <details class="call">
      <summary>Show the call</summary>
      <pre>{text}</pre>
      <button type="button" class="button small" onClick={() => void copy()}>
        Copy
      </button>
    </details>
  );
}
