// The theme that was chosen stands before the first paint: a blocking script in the head, and nothing else.
try {
	const chosen = localStorage.getItem("fairlead-theme");
	if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
	// no storage here: the system's theme
}
