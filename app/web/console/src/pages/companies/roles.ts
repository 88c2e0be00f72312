// The roles of a company's members, in words.
export const ROLES: Record<string, string> = {
  owner: "Owner: everything, members and accounts too",
  editor: "Editor: writes and schedules posts",
  viewer: "Viewer: reads",
};
