// Says so when cookies are off: without the one that knows the sign-in nothing works.

if (!navigator.cookieEnabled) document.querySelector("[data-cookies-off]").hidden = false;
