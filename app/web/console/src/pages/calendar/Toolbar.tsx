// What stands above the grid: the period, the views, the zone, and the filters.
import { useEffect, useState } from "preact/hooks";
import { type Choice, Icon, Select, statusName, STATUSES, TextField, zoneLabel } from "../../core";
import { shortZone } from "./Card";
import type { Directory } from "./directory";
import { anyFilter, type FilterName, type Filters } from "./filters";
import type { View } from "./place";

const VIEW_NAMES: Record<View, string> = { month: "Month", week: "Week", day: "Day", list: "List" };

export interface ToolbarProps {
  title: string;
  view: View;
  views: View[];
  zone: string;
  /** An instant of the period, for the offset beside the zone's name. */
  at: number;
  busy: boolean;
  filtering: boolean;
  open: boolean;
  onGo: (step: -1 | 0 | 1) => void;
  onView: (view: View) => void;
  onZone: () => void;
  onOpen: () => void;
}

export function Toolbar(props: ToolbarProps) {
  return (
    <header class="toolbar">
      <div class="toolbar-period">
        <button type="button" class="button" onClick={() => props.onGo(0)}>
          Today
        </button>
        <button type="button" class="icon-button" aria-label="Earlier" onClick={() => props.onGo(-1)}>
          <Icon name="left" />
        </button>
        <button type="button" class="icon-button" aria-label="Later" onClick={() => props.onGo(1)}>
          <Icon name="right" />
        </button>
        <h1>{props.title || "Calendar"}</h1>
        <span class="busy-place">{props.busy && <span class="busy" role="progressbar" aria-label="Loading posts" />}</span>
      </div>
      <div class="toolbar-choices">
        <button
          type="button"
          class="button zone"
          onClick={props.onZone}
          aria-label={`Time zone: ${zoneLabel(props.at, props.zone)}. Change it`}
          title={zoneLabel(props.at, props.zone)}
        >
          <Icon name="globe" size={18} /> {shortZone(props.at, props.zone)}
        </button>
        <button type="button" class="button" aria-expanded={props.open} aria-pressed={props.filtering} onClick={props.onOpen}>
          <Icon name="filter" size={18} /> Filters
        </button>
        <div class="segments" role="group" aria-label="View">
          {props.views.map((view) => (
            <button key={view} type="button" aria-pressed={props.view === view} onClick={() => props.onView(view)}>
              {VIEW_NAMES[view]}
            </button>
          ))}
        </div>
      </div>
    </header>
  );
}

const ANY: Choice = { value: "", text: "All" };

const PLATFORMS: Choice[] = [
  { value: "linkedin", text: "LinkedIn" },
  { value: "instagram", text: "Instagram" },
  { value: "facebook", text: "Facebook" },
];

const TYPING_MS = 300;

export interface FilterBarProps {
  filters: Filters;
  directory: Directory;
  onChange: (values: Partial<Record<FilterName, string>>) => void;
}

export function FilterBar({ filters, directory, onChange }: FilterBarProps) {
  const named = (list: { id: string; name: string }[]): Choice[] => [
    ANY,
    ...list.map(({ id, name }) => ({ value: id, text: name })),
  ];
  const clients = directory.clients.filter((one) => !filters.company || one.companyId === filters.company);
  const statuses = STATUSES.filter((one) => one !== "draft").map((value) => ({ value, text: statusName(value) }));
  const choose = (name: FilterName) => (value: string) => onChange({ [name]: value });
  return (
    <div class="filters" role="search" aria-label="Filters">
      <SearchField value={filters.q} onChange={choose("q")} />
      <Select
        label="Company"
        value={filters.company}
        choices={named(directory.companies)}
        onInput={(company) => onChange({ company, client: "" })}
      />
      <Select label="Client" value={filters.client} choices={named(clients)} onInput={choose("client")} />
      <Select label="Account" value={filters.account} choices={named(directory.accounts)} onInput={choose("account")} />
      <Select label="Platform" value={filters.platform} choices={[ANY, ...PLATFORMS]} onInput={choose("platform")} />
      <Select label="Status" value={filters.status} choices={[ANY, ...statuses]} onInput={choose("status")} />
      {anyFilter(filters) && (
        <button
          type="button"
          class="button"
          onClick={() => onChange({ company: "", client: "", account: "", platform: "", status: "", q: "" })}
        >
          Clear
        </button>
      )}
    </div>
  );
}

function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text.trim() === value) return;
    const timer = setTimeout(() => onChange(text.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return <TextField label="Text" type="search" value={text} maxLength={200} onInput={setText} />;
}
