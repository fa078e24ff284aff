import { learn } from "../i18n.js";
import texts from "../../locales/zh.json" with { type: "json" };

learn(texts);
