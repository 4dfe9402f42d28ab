// Threads that ended and that nobody joined, by where they were created. Without any the section is not there.

function threadGroup(group) {
  const title = `${counted(group.count, "thread")} (${group.names.join(", ")}), ${group.from} to ${group.to}: ` +
    `${inBytes(group.bytes)} of stacks, created at ${group.stack[0] || "(not known)"}`;
  return element("details", {}, element("summary", {}, title),
    element("ol", {}, ...group.stack.map((call) => element("li", {}, call))));
}

function showThreads(place, view) {
  document.getElementById("threads-part").hidden = !view.threads.length;
  place.replaceChildren(...view.threads.map(threadGroup));
}
