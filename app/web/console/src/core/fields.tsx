// Form fields: a label, a hint and an error, tied to their control for screen readers.
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";
import { isZone, zoneNames } from "./zones";

export interface ControlProps {
  id: string;
  "aria-describedby"?: string;
  "aria-invalid"?: "true";
}

export interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  error?: string | null | undefined;
  children: (control: ControlProps) => ComponentChildren;
}

export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  const control: ControlProps = { id };
  if (described) control["aria-describedby"] = described;
  if (error) control["aria-invalid"] = "true";
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(control)}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  );
}

type Own<E extends HTMLElement, A extends JSX.HTMLAttributes<E>> = Omit<A, "value" | "onInput" | "label"> & {
  label: string;
  hint?: ComponentChildren;
  error?: string | null | undefined;
  value: string;
  onInput: (value: string) => void;
};

export function TextField({ label, hint, error, onInput, ...rest }: Own<HTMLInputElement, JSX.InputHTMLAttributes>) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => <input type="text" {...rest} {...control} onInput={(e) => onInput(e.currentTarget.value)} />}
    </Field>
  );
}

export function TextArea({ label, hint, error, onInput, ...rest }: Own<HTMLTextAreaElement, JSX.TextareaHTMLAttributes>) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => <textarea {...rest} {...control} onInput={(e) => onInput(e.currentTarget.value)} />}
    </Field>
  );
}

export interface Choice {
  value: string;
  text: string;
}

export function Select({
  label, hint, error, onInput, choices, value, ...rest
}: Own<HTMLSelectElement, JSX.SelectHTMLAttributes> & { choices: Choice[] }) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(control) => (
        <select {...rest} {...control} value={value} onChange={(e) => onInput(e.currentTarget.value)}>
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value} selected={choice.value === value}>
              {choice.text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export interface When {
  /** "2027-03-28" */
  date: string;
  /** "09:00:07" */
  time: string;
  /** An IANA name. */
  zone: string;
}

/** The local date and time as the API reads it, or null while a part is missing or the zone is unknown. */
export function localOf(when: When): string | null {
  if (!when.date || !when.time || !isZone(when.zone)) return null;
  return `${when.date}T${when.time.length === 5 ? `${when.time}:00` : when.time}`;
}

/** A date, a time with seconds and a zone. */
export function WhenFields({ value, onInput, error }: { value: When; onInput: (next: When) => void; error?: string | null }) {
  const names = useId();
  return (
    <div class="when">
      <TextField type="date" label="Date" value={value.date} required onInput={(date) => onInput({ ...value, date })} {...(error && { "aria-invalid": "true", "aria-describedby": `${names}-error` })} />
      <TextField type="time" step="1" label="Time" value={value.time} required onInput={(time) => onInput({ ...value, time })} />
      <TextField
        label="Time zone"
        value={value.zone}
        list={names}
        autocomplete="off"
        required
        onInput={(zone) => onInput({ ...value, zone })}
        error={isZone(value.zone) ? null : "Choose a zone of the list, for instance Europe/Berlin."}
      />
      {error && (
        <p class="error" id={`${names}-error`}>
          {error}
        </p>
      )}
      <datalist id={names}>
        {zoneNames().map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </div>
  );
}
