import { learn } from "../i18n.js";
import texts from "../../locales/es.json" with { type: "json" };

learn(texts);
