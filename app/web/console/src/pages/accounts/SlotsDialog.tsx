// The weekly slots of an account: the times at which its queue sends.
import { useEffect, useState } from "preact/hooks";
import { api, Dialog, Icon, isZone, reasonOf, type Schemas, Select, ShowTheCall, specOf, TextField, toast, viewerZone } from "../../core";
import type { Account } from "./health";

type Slot = Schemas["SlotView"];

const DAYS = [
  ["mon", "Monday"], ["tue", "Tuesday"], ["wed", "Wednesday"], ["thu", "Thursday"], ["fri", "Friday"], ["sat", "Saturday"], ["sun", "Sunday"],
] as const;
const CHOICES = [...DAYS.map(([value, text]) => ({ value: value as string, text: text as string })), { value: "weekdays", text: "Every weekday" }];
const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"];

const same = (a: Slot, b: Slot): boolean => a.day === b.day && a.at === b.at;

export function SlotsDialog({ account, may, onClose }: { account: Account; may: boolean; onClose: () => void }) {
  const [zone, setZone] = useState(viewerZone());
  const [slots, setSlots] = useState<Slot[] | null>(null);
  const [next, setNext] = useState<Schemas["NextSlot"][]>([]);
  const [savedZone, setSavedZone] = useState<string | null>(null);
  const [day, setDay] = useState("weekdays");
  const [at, setAt] = useState("09:00:00");
  const [problem, setProblem] = useState<string | null>(null);
  const path = { account_id: account.id };

  useEffect(() => {
    void (async () => {
      try {
        const found = await api.get("/api/social-accounts/{account_id}/slots", { path });
        setSlots(found.times);
        setSavedZone(found.timeZone ?? null);
        if (found.timeZone) setZone(found.timeZone);
        if (found.times.length) setNext((await api.get("/api/social-accounts/{account_id}/slots/next", { path, query: { count: 5 } })).data);
      } catch (error) {
        setProblem(reasonOf(error));
      }
    })();
  }, []);

  const add = (): void => {
    const time = at.length === 5 ? `${at}:00` : at;
    const made = (day === "weekdays" ? WEEKDAYS : [day]).map((one): Slot => ({ day: one as Slot["day"], at: time }));
    const fresh = made.filter((slot) => !slots?.some((other) => same(slot, other)));
    setSlots([...(slots ?? []), ...fresh].sort((a, b) => order(a) - order(b) || a.at.localeCompare(b.at)));
  };
  const body = { timeZone: zone, times: slots ?? [] };
  const save = async (): Promise<void> => {
    try {
      await api.put("/api/social-accounts/{account_id}/slots", { path, body });
      toast({ text: "The weekly slots are saved. Scheduled posts keep their times.", tone: "good" });
      onClose();
    } catch (error) {
      setProblem(reasonOf(error));
    }
  };
  return (
    <Dialog title={`Weekly slots of ${account.accountName}`} wide onClose={onClose}
      actions={may && <><button type="button" class="button" onClick={onClose}>Close</button><button type="button" class="button primary" disabled={slots === null || !isZone(zone)} onClick={() => void save()}>Save the slots</button></>}
    >
      <p class="quiet">A post for “the next free slot” takes the next of these times that no other post of the account has.</p>
      {slots === null && !problem && <p class="quiet">Looking …</p>}
      {slots?.length === 0 && <p>No slot yet.</p>}
      <dl class="week">
        {DAYS.map(([name, text]) => {
          const times = slots?.filter((slot) => slot.day === name) ?? [];
          return times.length === 0 ? null : (
            <div key={name}>
              <dt>{text}</dt>
              <dd>
                {times.map((slot) => (
                  <span key={slot.at} class="slot">
                    {slot.at.endsWith(":00") ? slot.at.slice(0, 5) : slot.at}
                    {may && (
                      <button type="button" class="icon-button" aria-label={`Remove ${text} ${slot.at}`} onClick={() => setSlots(slots!.filter((other) => !same(slot, other)))}>
                        <Icon name="close" size={14} />
                      </button>
                    )}
                  </span>
                ))}
              </dd>
            </div>
          );
        })}
      </dl>
      {may && (
        <form class="add-slot" onSubmit={(event) => { event.preventDefault(); add(); }}>
          <Select label="Day" value={day} choices={CHOICES} onInput={setDay} />
          <TextField label="Time" type="time" step="1" value={at} required onInput={setAt} />
          <button type="submit" class="button">Add</button>
          <TextField label="Time zone" value={zone} onInput={setZone} error={isZone(zone) ? null : "An IANA name, for instance Europe/Berlin."} />
        </form>
      )}
      {next.length > 0 && <p class="quiet">Next free, in {savedZone}: {next.map((slot) => slot.localTime.replace("T", " ").slice(0, 16)).join(" · ")}</p>}
      {problem && <p class="error" role="alert">{problem}</p>}
      <ShowTheCall call={specOf("PUT", "/api/social-accounts/{account_id}/slots", { path, body: body as never })} />
    </Dialog>
  );
}

const order = (slot: Slot): number => DAYS.findIndex(([name]) => name === slot.day);
