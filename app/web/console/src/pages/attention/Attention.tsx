import "./attention.css";
import type { PageProps } from "../page";

export function Attention(_: PageProps) {
  return (
    <section class="page">
      <h1>Needs attention</h1>
      <p class="quiet">This page is being built.</p>
    </section>
  );
}
