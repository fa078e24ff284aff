// What to do about a file that could not be read, by the code of the reason.

import { t, told } from "./i18n.js";

const NEXT = {
  needs_ocr: t("Until then, add a version of it whose text can be selected with the mouse."),
  no_text: t("There is nothing to quote from in it. Add a version with text, or delete it."),
  damaged: t("Open it in the program that made it, save it anew and add that copy."),
  reader_crashed: t("Open it in the program that made it, save it anew and add that copy."),
  unsupported: t("Save it as PDF, Word or plain text and add that."),
  empty_file: t("Look at it on your disk and add it again."),
  ocr_failed: t("Try it once more; a sharper scan may help."),
  reader_failed: t("Try it once more. If it fails again, save it anew and add that copy."),
};
/** Reading these once more may end in another way; for all others only another file helps. */
const AGAIN = new Set(["needs_ocr", "ocr_failed", "reader_failed", "reader_crashed", "too_complex", "file_missing"]);

/** Why a document or attachment cannot be read, and what to do next. */
export function reason({ error, code }) {
  if (code === "locked") return t("Locked with a password.");
  return [told(error) || t("This file could not be read."), NEXT[code]].filter(Boolean).join(" ");
}

/** Whether to offer another try. */
export function mayTryAgain({ code }) {
  return !code || AGAIN.has(code);
}
