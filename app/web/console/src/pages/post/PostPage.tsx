import "./post.css";
import type { PageProps } from "../page";

export function PostPage(_: PageProps) {
  return (
    <section class="page">
      <h1>Post</h1>
      <p class="quiet">This page is being built.</p>
    </section>
  );
}
