@echo off
rem Starts an application on a healthy Zenith database:
rem
rem   scripts\start_zenith.bat my-application --port 8080
rem
rem Loads .env from the current directory, lets `zenith-db ensure` create or migrate the database,
rem and runs the application. If ensure fails, it stops with ensure's exit code. Without a command
rem it stops after ensure. ZENITH_DB_BIN names the program to use.

rem Off while .env is read and the command is run: with it on, a ! in a value would be lost.
setlocal DisableDelayedExpansion
set "zenith_located="

rem Only lines that are NAME=value. What was set before wins over the file, and in the file the last
rem line of a name; of the two names of the database, one that was set decides over both in the file.
rem %%~B takes double quotes off.
if defined DATABASE_PATH set "zenith_located=yes"
if defined DATABASE_URL set "zenith_located=yes"
if exist ".env" for /f "usebackq tokens=1,* delims==" %%A in (`findstr /r /b "[A-Za-z_][A-Za-z0-9_]*=" ".env"`) do (
    if not defined %%A set "zenith_from_file_%%A=yes"
    if defined zenith_located if "%%A"=="DATABASE_PATH" set "zenith_from_file_%%A="
    if defined zenith_located if "%%A"=="DATABASE_URL" set "zenith_from_file_%%A="
    if defined zenith_from_file_%%A (
        set "%%A=%%~B"
        call :single_quotes %%A
    )
)

set "zenith_db=zenith-db"
if exist "%~dp0..\target\release\zenith-db.exe" set "zenith_db=%~dp0..\target\release\zenith-db.exe"
if defined ZENITH_DB_BIN set "zenith_db=%ZENITH_DB_BIN%"
if exist "%zenith_db%" goto ensure
where /q "%zenith_db%"
if errorlevel 1 goto missing

:ensure
rem Standard output belongs to the application. Delayed expansion, because a block in parentheses sees
rem every percent variable as it was before the block.
setlocal EnableDelayedExpansion
"!zenith_db!" ensure 1>&2
if !errorlevel! neq 0 (
    set "zenith_exit=!errorlevel!"
    echo start_zenith: the database is not ready ^(exit code !zenith_exit!^); nothing was started 1>&2
    exit /b !zenith_exit!
)
endlocal

if [%1]==[] exit /b 0
%*
exit /b %errorlevel%

:missing
echo start_zenith: cannot find "%zenith_db%"; build it with `cargo build --release`, or set ZENITH_DB_BIN to its path 1>&2
exit /b 127

rem Takes single quotes off the value of the variable named %1.
:single_quotes
setlocal EnableDelayedExpansion
set "zenith_value=!%1!"
if not "!zenith_value:~0,1!!zenith_value:~-1!"=="''" goto :eof
for /f "delims=" %%V in ("!zenith_value:~1,-1!") do endlocal & set "%1=%%V"
goto :eof
