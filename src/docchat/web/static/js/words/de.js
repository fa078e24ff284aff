import { learn } from "../i18n.js";
import texts from "../../locales/de.json" with { type: "json" };

learn(texts);
