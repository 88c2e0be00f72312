import "./accounts.css";
import type { PageProps } from "../page";

export function Accounts(_: PageProps) {
  return (
    <section class="page">
      <h1>Accounts</h1>
      <p class="quiet">This page is being built.</p>
    </section>
  );
}
