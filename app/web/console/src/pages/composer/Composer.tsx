import "./composer.css";
import type { PageProps } from "../page";

export function Composer(_: PageProps) {
  return (
    <section class="page">
      <h1>New post</h1>
      <p class="quiet">This page is being built.</p>
    </section>
  );
}
