import { learn } from "../i18n.js";
import texts from "../../locales/ar.json" with { type: "json" };

learn(texts);
