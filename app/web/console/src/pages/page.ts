// What the frame knows of a page.
import type { ComponentType } from "preact";
import type { IconName } from "../core/icons";

export interface PageProps {
  /** The named parts of the address: `id` of /console/posts/{id}. */
  params: Record<string, string>;
}

export interface Page {
  /** Stands in the class of the page's `main`, "at-calendar". The page's styles hold only there. */
  name: string;
  /** The address, with named parts: "/console/posts/:id". */
  path: string;
  title: string;
  Component: ComponentType<PageProps>;
  /** Pages with an icon stand in the rail. */
  icon?: IconName;
  /** A short name for the bottom bar of a phone. */
  short?: string;
  adminOnly?: boolean;
}
