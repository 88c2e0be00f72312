import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/frame.css";
import "./styles/parts.css";
import { render } from "preact";
import { App } from "./App";
import { listenForKeys } from "./core/keys";
import { followLinks } from "./core/router";
import { listenForUndo } from "./core/toast";
import { readEarly } from "./pages/calendar/early";

readEarly();
followLinks();
listenForKeys();
listenForUndo();
render(<App />, document.getElementById("app")!);
