// The status of a post, by colour and by word.
const NAMES: Record<string, string> = {
  draft: "Draft",
  scheduled: "Scheduled",
  publishing: "Publishing",
  published: "Published",
  failed: "Failed",
  cancelled: "Cancelled",
};

export const STATUSES = Object.keys(NAMES);

export const statusName = (status: string): string => NAMES[status] ?? status;

export const Status = ({ status }: { status: string }) => (
  <span class={`status status-${status}`}>{statusName(status)}</span>
);
