// The parts of the chat page; the application comes last, when the others are there.

import "./bar.js";
import "./conversation.js";
import "./composer.js";
import "./app.js";
