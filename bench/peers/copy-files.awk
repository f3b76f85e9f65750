# Turns a script of pcrs-to-postgres into one that loads the same rows by \copy, from a file for each table.
# awk -v folder=FOLDER -f copy-files.awk SCRIPT > FOLDER/load.sql
/^COPY / {
  file = folder "/" $2 ".copy"
  if (!(file in known)) {
    known[file] = 1
    sub(/^COPY /, "\\copy ")
    sub(/ FROM STDIN;$/, " FROM '" file "'")
    print
  }
  next
}
/^--/ { print > file; next }
$0 != "\\." { print }
