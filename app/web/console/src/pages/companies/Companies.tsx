import "./companies.css";
import type { PageProps } from "../page";

export function Companies(_: PageProps) {
  return (
    <section class="page">
      <h1>Companies</h1>
      <p class="quiet">This page is being built.</p>
    </section>
  );
}
