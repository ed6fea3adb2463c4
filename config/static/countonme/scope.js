"use strict";
// Autocompletes of a form offer rows of the form's own device only: the device that the row belongs to,
// or on an add form the one that is chosen there.
(function ($) {
  $.ajaxPrefilter(function (options) {
    if (!/\/autocomplete\//.test(options.url) || /field_name=device(&|$)/.test(options.url)) return;
    const holder = document.getElementById("scope_device") || document.getElementById("id_device");
    if (!holder) return;
    options.url += "&device=" + encodeURIComponent(holder.value || "0");
  });
  $(document).on("change", "#id_device", function () {
    // What was chosen from another device would only be refused.
    $("select.admin-autocomplete").not("#id_device").filter("form select").val(null).trigger("change.select2");
  });
})(django.jQuery);
