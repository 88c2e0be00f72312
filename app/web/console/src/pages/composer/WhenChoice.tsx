// When the post goes out: an own time with both answers for a changed clock, or the next free slot of the account.
import { useEffect, useState } from "preact/hooks";
import {
  api, clock, dateText, Icon, instantText, localOf, offsetOf, relativeText, timeText, viewerZone, WhenFields, zoneLabel,
} from "../../core";
import { type Reading, readLocal } from "./clockwork";
import { type Form, whenOf } from "./form";

interface WhenProps {
  form: Form;
  error: string | null;
  onInput: (change: Partial<Form>) => void;
}

export function WhenChoice({ form, error, onInput }: WhenProps) {
  const slot = useNextSlot(form.accountId);
  const local = localOf(form.when);
  const reading = local === null ? null : readLocal(local, form.when.zone);
  return (
    <fieldset class="plain-set when-choice">
      <legend>When</legend>
      {slot && (
        <div class="segments" role="group" aria-label="Way of choosing the time">
          <button type="button" aria-pressed={!form.slot} onClick={() => onInput({ slot: false })}>
            At a time
          </button>
          <button type="button" aria-pressed={form.slot} onClick={() => onInput({ slot: true })}>
            Next free slot
          </button>
        </div>
      )}
      {form.slot && slot ? (
        <p class="when-says">
          <Icon name="clock" /> {instantText(slot.at, slot.zone)}, if no other post takes it meanwhile.
        </p>
      ) : (
        <>
          <WhenFields value={form.when} error={error} onInput={(when) => onInput({ when, fold: null })} />
          {reading && <Says form={form} reading={reading} onInput={onInput} />}
        </>
      )}
    </fieldset>
  );
}

function Says({ form, reading, onInput }: { form: Form; reading: Reading; onInput: (change: Partial<Form>) => void }) {
  const { zone } = form.when;
  if (reading.gap) {
    const { before, after } = reading.gap;
    const choose = (local: string): void => onInput({ when: whenOf(local, zone), fold: null });
    return (
      <div class="question" role="alert">
        <p>
          <b>This time does not exist.</b> The clocks in {zone} go forward and skip it.
        </p>
        <div class="answers">
          <button type="button" class="button" onClick={() => choose(before)}>
            The second before: {before.slice(11)}
          </button>
          <button type="button" class="button" onClick={() => choose(after)}>
            The second after: {after.slice(11)}
          </button>
        </div>
      </div>
    );
  }
  const twice = reading.instants.length > 1;
  const at = reading.instants[form.fold ?? 0] ?? reading.instants[0]!;
  return (
    <>
      {twice && (
        <fieldset class="plain-set question">
          <legend>The clocks in {zone} show this time twice. Which one?</legend>
          {reading.instants.map((one, fold) => (
            <label key={one} class="choice">
              <input type="radio" name="fold" checked={form.fold === fold} onChange={() => onInput({ fold: fold as 0 | 1 })} />
              {fold === 0 ? "The first" : "The second"}, {timeText(one, zone, true)} at {offsetOf(one, zone)} ({timeText(one, "UTC", true)} UTC)
            </label>
          ))}
        </fieldset>
      )}
      <Instant at={at} zone={zone} />
    </>
  );
}

function Instant({ at, zone }: { at: number; zone: string }) {
  const own = viewerZone();
  const past = at < clock.now();
  return (
    <p class={past ? "when-says warn" : "when-says"}>
      <Icon name="clock" />
      <span>
        {dateText(at, zone)}, {timeText(at, zone, true)} {zoneLabel(at, zone)}, {past ? "which has passed" : relativeText(at, clock.now())}.
        {zone !== own && ` For you: ${dateText(at, own)}, ${timeText(at, own, true)} ${zoneLabel(at, own)}.`}
      </span>
    </p>
  );
}

function useNextSlot(accountId: string): { at: string; zone: string } | null {
  const [slot, setSlot] = useState<{ at: string; zone: string } | null>(null);
  useEffect(() => {
    setSlot(null);
    if (!accountId) return;
    let current = true;
    const options = { path: { account_id: accountId }, query: { count: 1 } };
    api.get("/api/social-accounts/{account_id}/slots/next", options).then(
      (answer) => {
        const first = answer.data[0];
        if (current && first) setSlot({ at: first.scheduledAt, zone: answer.timeZone ?? "UTC" });
      },
      () => undefined, // a post can be scheduled without slots
    );
    return () => {
      current = false;
    };
  }, [accountId]);
  return slot;
}
