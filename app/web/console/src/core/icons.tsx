// Small icons, drawn by us on a grid of 24. They stand beside words, so screen readers skip them.

const PATHS = {
  calendar: "M4 6.5h16v13H4zM4 10.5h16M8 3.5v5M16 3.5v5",
  attention: "M12 4 2.8 19.5h18.4zM12 10v4.5M12 17v.4",
  operations: "M3 12h4l3-7 4 14 3-7h4",
  accounts: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5c.6-4 3.6-6 7.5-6s6.9 2 7.5 6",
  companies: "M4 20.5V5h9v15.5M13 10h7v10.5M2.5 20.5h19M7 9h3M7 13h3M7 17h3M16.5 14v.4M16.5 17.5v.4",
  docs: "M6 3.5h8l4 4v13H6zM14 3.5v4h4M9 12h6M9 16h6",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6 6 18",
  check: "M4.5 12.5l5 5 10-11",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5.5M12 7.5v.4",
  alert: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v6M12 16v.4",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5.5l3.5 2",
  globe: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3 12h18M12 3c5.5 6 5.5 12 0 18M12 3c-5.5 6-5.5 12 0 18",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 20.5 20.5",
  filter: "M4 6h16M7 12h10M10 18h4",
  tray: "M3.5 13.5 6.5 5h11l3 8.5V19h-17zM3.5 13.5h5l1.5 2.5h4l1.5-2.5h5",
  link: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7l1-1",
  move: "M12 3v18M3 12h18M12 3 9 6M12 3l3 3M12 21l-3-3M12 21l3-3M3 12l3-3M3 12l3 3M21 12l-3-3M21 12l-3 3",
  help: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM9.5 9.5c.2-3.5 5.5-3 5 .2-.3 1.7-2.5 1.9-2.5 4M12 16.8v.4",
  leave: "M14 4h5v16h-5M4 12h11M8 8l-4 4 4 4",
  linkedin: "M5 10v9M5 5.5v.2M10 19v-9M10 14c0-5 8-5.5 8 0v5",
  instagram: "M8 3.5h8A4.5 4.5 0 0 1 20.5 8v8a4.5 4.5 0 0 1-4.5 4.5H8A4.5 4.5 0 0 1 3.5 16V8A4.5 4.5 0 0 1 8 3.5zM12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM17 7v.1",
  facebook: "M13 21v-9.5M13 11.5V8c0-2 1-3 3.5-3M9 12h7",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width={size} height={size} aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

const PLATFORMS: Record<string, string> = { linkedin: "LinkedIn", instagram: "Instagram", facebook: "Facebook" };

export const platformName = (platform: string): string => PLATFORMS[platform] ?? platform;

export const platformIcon = (platform: string): IconName => (platform in PLATFORMS ? (platform as IconName) : "globe");
