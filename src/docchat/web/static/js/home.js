// Whose element this is: a page has its chat, and beside a document there may be a small one about a part of it.

/** The chat that an element belongs to. */
export function homeOf(element) {
  return element.closest("docchat-section-chat") ?? element.closest("docchat-app");
}

/** Whether an event is meant for this element: those that name no home are the page's own. */
export function isOf(element, home) {
  return homeOf(element) === (home ?? element.closest("docchat-app"));
}
