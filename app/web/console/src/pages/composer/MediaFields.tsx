// The files of a post by their addresses, each checked as the platform will take it.
import { useEffect, useRef, useState } from "preact/hooks";
import { api, type Choice, Icon, reasonOf, type Schemas, Select, TextField } from "../../core";
import type { Form, MediaItem } from "./form";
import { mediaHint, type PostType } from "./rules";

type Checked = Schemas["CheckedMedia"];
const PAUSE_MS = 600;

interface MediaProps {
  form: Form;
  type: PostType;
  checks: boolean;
  most: number;
  error: string | null;
  errors: Record<number, string>;
  onInput: (media: MediaItem[]) => void;
}

const VIDEO = /\.(mp4|mov|m4v)$/i;
const DOCUMENT = /\.(pdf|docx?|pptx?)$/i;

/** The kind that an address looks like, where the type of post takes it. */
function guessed(url: string, kinds: string[], present: string): string {
  const path = url.split(/[?#]/)[0] ?? "";
  const kind = VIDEO.test(path) ? "video" : DOCUMENT.test(path) ? "document" : present;
  return kinds.includes(kind) ? kind : (kinds[0] ?? "image");
}

export function MediaFields({ form, type, checks, most, error, errors, onInput }: MediaProps) {
  const kinds = [...new Set(type.media.flatMap((group) => group.kinds))];
  const choices: Choice[] = kinds.map((kind) => ({ value: kind, text: kind[0]!.toUpperCase() + kind.slice(1) }));
  const found = useChecks(form, checks);
  const set = (index: number, change: Partial<MediaItem>): void =>
    onInput(form.media.map((one, at) => (at === index ? { ...one, ...change } : one)));
  const add = (): void => onInput([...form.media, { url: "", type: guessed("", kinds, "image") } as MediaItem]);
  return (
    <fieldset class="plain-set media-fields">
      <legend>Media</legend>
      <p class="hint">This {type.name} takes {mediaHint(type)}.</p>
      {form.media.map((one, index) => {
        const check = found[nameOf(form, one)];
        return (
          <div class="media-row" key={index}>
            <TextField
              label={`Address of file ${index + 1}`}
              type="url"
              placeholder="https://…"
              autocomplete="off"
              spellcheck={false}
              value={one.url}
              error={errors[index] ?? (typeof check === "object" && !check.ok ? check.message : null)}
              hint={<Found check={check} />}
              onInput={(url) => set(index, { url: url.trim(), type: guessed(url.trim(), kinds, one.type) as MediaItem["type"] })}
            />
            <Select
              label={`Kind of file ${index + 1}`}
              value={one.type}
              choices={choices}
              onInput={(kind) => set(index, { type: kind as MediaItem["type"] })}
            />
            <button
              type="button"
              class="icon-button"
              aria-label={`Remove file ${index + 1}`}
              onClick={() => onInput(form.media.filter((_, at) => at !== index))}
            >
              <Icon name="close" />
            </button>
          </div>
        );
      })}
      {error && <p class="error" role="status">{error}</p>}
      {form.media.length < most && (
        <button type="button" class="button small" onClick={add}>
          <Icon name="plus" size={16} /> Add a file
        </button>
      )}
    </fieldset>
  );
}

type Check = Checked | "checking" | undefined;

function Found({ check }: { check: Check }) {
  if (check === undefined) return null;
  if (check === "checking") return <>Looking at the file …</>;
  if (!check.ok) return null;
  const facts = [check.contentType, check.width && `${check.width} × ${check.height}`, check.bytes !== undefined && sizeText(check.bytes)];
  return <span class="media-good">✓ {facts.filter(Boolean).join(" · ") || "The file is there."}</span>;
}

const sizeText = (bytes: number): string =>
  bytes >= 1_048_576 ? `${(bytes / 1_048_576).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1024))} kB`;

/** An answer is about a file on one platform, in one type of post. */
const nameOf = (form: Form, one: MediaItem): string => `${form.platform} ${form.postType} ${one.type} ${one.url}`;

/** Check the files a moment after the last change. */
function useChecks(form: Form, checks: boolean): Record<string, Check> {
  const [found, setFound] = useState<Record<string, Check>>({});
  const asked = useRef(new Set<string>());
  const names = form.media.map((one) => nameOf(form, one));
  useEffect(() => {
    if (!checks) return;
    const timer = window.setTimeout(() => {
      const isNew = (one: MediaItem): boolean => /^https?:\/\/[^/]+/.test(one.url) && !asked.current.has(nameOf(form, one));
      const wanted = form.media.filter(isNew);
      if (wanted.length > 0) void ask(wanted);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [checks, names.join("\n")]);

  async function ask(wanted: MediaItem[]): Promise<void> {
    const set = (answer: (index: number) => Check): void => {
      const entries = wanted.map((one, index) => [nameOf(form, one), answer(index)]);
      setFound((old) => ({ ...old, ...(Object.fromEntries(entries) as Record<string, Check>) }));
    };
    for (const one of wanted) asked.current.add(nameOf(form, one));
    set(() => "checking");
    try {
      const body = { platform: form.platform, postType: form.postType, media: wanted } as Schemas["MediaCheckBody"];
      const { data } = await api.post("/api/media/check", { body });
      set((index) => data[index]);
    } catch (error) {
      for (const one of wanted) asked.current.delete(nameOf(form, one)); // the next change asks again
      set((index) => ({ url: wanted[index]!.url, ok: false, code: "not_asked", message: reasonOf(error) }));
    }
  }
  return found;
}
