"use strict";
document.getElementById("print-code").addEventListener("click", function () { window.print(); });
