// When? A date, a time with seconds and a zone. Times that the clocks skip or show twice are asked about.
import { useState } from "preact/hooks";
import {
  type Answers, answersOf, type ApiProblem, clock, Dialog, instantText, localOf, localText, relativeText, reasonOf,
  ShowTheCall, type When, WhenFields,
} from "../../core";
import type { Target } from "./book";
import { firstWords, Instants } from "./Card";
import { move, type Question, scheduleCall } from "./moves";

const whenOf = (target: Target): When => {
  const [date = "", time = ""] = target.local.split("T");
  return { date, time, zone: target.zone };
};

/** The request for the chosen one of the answers. */
function targetOf(local: string, zone: string, answers: Answers, choice: number): Target {
  if (answers.kind === "gap") return { local: localText(answers.instants[choice]!, zone), zone };
  return answers.kind === "overlap" && choice === 1 ? { local, zone, fold: 1 } : { local, zone };
}

export function MoveDialog({ asked, onClose }: { asked: Question; onClose: () => void }) {
  const { post, target } = asked;
  const [when, setWhen] = useState(() => whenOf(target));
  const [choice, setChoice] = useState<number | null>(null);
  const [refusal, setRefusal] = useState<ApiProblem | null>(null);
  const [busy, setBusy] = useState(false);
  const local = localOf(when);
  const answers = local ? answersOf(local, when.zone) : null;
  const open = answers !== null && answers.kind !== "one" && choice === null;
  const wanted = local && answers && !open ? targetOf(local, when.zone, answers, choice ?? 0) : null;

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!wanted || busy) return;
    setBusy(true);
    const reason = await move(post, wanted);
    setBusy(false);
    setRefusal(reason);
    if (reason === null) onClose();
  };
  const title = post.scheduledAt === null ? "Schedule this post" : "Move this post";
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        <p class="quiet">{firstWords(post)}</p>
        {asked.reason && <p class="notice warn">{asked.reason}</p>}
        <WhenFields
          value={when}
          onInput={(next) => {
            setWhen(next);
            setChoice(null);
            setRefusal(null);
          }}
        />
        {answers && answers.kind !== "one" && (
          <Choices answers={answers} zone={when.zone} choice={choice} onChoice={setChoice} />
        )}
        {answers && !open && <Preview at={answers.instants[choice ?? 0]!} zone={when.zone} />}
        {refusal && (
          <p class="notice bad" role="alert">
            {reasonOf(refusal)}
          </p>
        )}
        {wanted && <ShowTheCall call={scheduleCall(post, wanted)} />}
        <div class="actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={!wanted || busy}>
            {busy ? "Saving …" : post.scheduledAt === null ? "Schedule" : "Move"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

const Preview = ({ at, zone }: { at: number; zone: string }) => (
  <div class="preview">
    <p class="quiet">{at < clock.now() ? "This time was" : "It goes out"} {relativeText(at, clock.now())}:</p>
    <Instants at={at} own={null} zone={zone} />
  </div>
);

function Choices(props: { answers: Answers; zone: string; choice: number | null; onChoice: (choice: number) => void }) {
  const { answers, zone, choice, onChoice } = props;
  const question =
    answers.kind === "gap"
      ? "The clocks go forward and skip this time. Which one do you mean?"
      : "The clocks go back and show this time twice. Which one do you mean?";
  return (
    <fieldset class="choices">
      <legend>{question}</legend>
      {answers.instants.map((at, index) => (
        <label key={at}>
          <input type="radio" name="answer" checked={choice === index} onChange={() => onChoice(index)} />
          <span>
            {answers.kind === "gap" ? (index ? "After the change: " : "Before the change: ") : index ? "The second: " : "The first: "}
            {instantText(at, zone)}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
