import { learn } from "../i18n.js";
import texts from "../../locales/fr.json" with { type: "json" };

learn(texts);
