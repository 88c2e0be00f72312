import "./calendar.css";
import type { PageProps } from "../page";

export function Calendar(_: PageProps) {
  return (
    <section class="page">
      <h1>Calendar</h1>
      <p class="quiet">This page is being built.</p>
    </section>
  );
}
