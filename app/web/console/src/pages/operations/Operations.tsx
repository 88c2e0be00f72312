import "./operations.css";
import type { PageProps } from "../page";

export function Operations(_: PageProps) {
  return (
    <section class="page">
      <h1>Operations</h1>
      <p class="quiet">This page is being built.</p>
    </section>
  );
}
