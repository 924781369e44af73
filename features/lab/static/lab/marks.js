/** Where the connections were cut. */
import { on } from "chat/bus";
import { seconds } from "lab/clock";

const strip = document.querySelector("#threads .marks .strip");

on("lab.cut", ({ now }) => {
  const mark = document.createElement("span");
  mark.textContent = "cut";
  mark.style.setProperty("--at", seconds(now));
  strip.append(mark);
});
on("lab.opening", () => strip.replaceChildren());
