// What pages use of the core.
export { announce } from "./announce";
export { addressOf, api, ApiProblem, type FieldError, type Post, reachable, readAll, reasonOf, type Schemas, specOf } from "./api";
export { Ask } from "./Ask";
export { clock } from "./clock";
export { ShowTheCall } from "./Code";
export { attention, refreshAttention } from "./counts";
export { type CallSpec, curlOf } from "./curl";
export { Dialog } from "./Dialog";
export { type Choice, Field, localOf, Select, TextArea, TextField, type When, WhenFields } from "./fields";
export { Icon, type IconName, platformIcon, platformName } from "./icons";
export { type Key, useKeys } from "./keys";
export { type Live, live, reading, useLive } from "./live";
export { pause } from "./pause";
export { useOnce } from "./once";
export { isOurs, Link, navigate, setQuery, usePath, useQuery } from "./router";
export { isOpen, logIn, logOut, type Session, session } from "./session";
export { Status, statusName, STATUSES } from "./Status";
export { createStore, type Store, useStore } from "./store";
export { toast } from "./toast";
export { firstOf, shortened } from "./words";
export {
  addDays, type Answers, answersOf, cycleZone, dateText, instantText, isZone, localText, offsetOf, relativeText, timeText, viewerZone, zoneFor, zoneLabel,
  type ZoneMode, zoneMode,
} from "./zones";
