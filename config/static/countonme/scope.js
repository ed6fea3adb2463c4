"use strict";
// Autocompletes of a form offer rows of the form's own device only: the device that the row belongs to,
// or on an add form the one that is chosen there. On lists nothing is chosen and everything is offered.
(function ($) {
  $.ajaxPrefilter(function (options) {
    if (!/\/autocomplete\//.test(options.url) || /(^|&)field_name=(device|owner)(&|$)/.test(options.data || "")) return;
    const holder = document.getElementById("scope_device") || document.querySelector("form[id$=_form] #id_device");
    if (!holder) return;
    options.url += (options.url.includes("?") ? "&" : "?") + "device=" + encodeURIComponent(holder.value || "0");
  });
  $(document).on("change", "#id_device", function () {
    // What was chosen from another device would only be refused.
    $("form[id$=_form] select.admin-autocomplete").not("#id_device").val(null).trigger("change");
  });
})(django.jQuery);
