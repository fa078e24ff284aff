// The pages before the chat need no script but this word about cookies.

import "./cookies.js";
