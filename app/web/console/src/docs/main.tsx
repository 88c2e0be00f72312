import "../styles/tokens.css";
import "../styles/base.css";
import "../styles/controls.css";
import "./docs.css";
import { render } from "preact";

const Docs = () => (
  <main class="page">
    <h1>Punctual: the API</h1>
    <p>
      <a href="/openapi.json">The OpenAPI document</a>
    </p>
  </main>
);

render(<Docs />, document.getElementById("app")!);
