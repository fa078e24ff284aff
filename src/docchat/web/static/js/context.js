// What the server told the page: read once from the attributes of <docchat-app>.

let cached = null;

/** The page's settings: URLs, user, limits, mode. */
export function context() {
  if (cached) return cached;
  const data = document.querySelector("docchat-app").dataset;
  cached = Object.freeze({
    page: data.page,
    root: data.root,
    api: data.api,
    documents: data.documents,
    icons: data.icons,
    login: data.login,
    user: data.user,
    mode: data.mode,
    model: data.model,
    uploadBytes: Number(data.uploadBytes),
    questionChars: Number(data.questionChars),
    undoSeconds: Number(data.undoSeconds) || 0,
    session: data.session || null,
  });
  return cached;
}

/** The address of a chat's page. */
export function chatUrl(id) {
  return id ? `${context().root}c/${id}` : context().root;
}
