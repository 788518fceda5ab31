@echo off
rem Starts an application after preparing its Zenith database:
rem
rem   scripts\start_zenith.bat my-application --port 8080
rem
rem Loads .env from the current directory, runs `zenith-db ensure`, which creates or migrates the
rem database, and then runs the application. If ensure fails, exits with its exit code. Without a
rem command, exits after ensure. ZENITH_DB_BIN sets the path of zenith-db.

rem Delayed expansion is off while .env is read and the application runs: otherwise a ! would be lost.
setlocal DisableDelayedExpansion
set "zenith_located="

rem Reads lines of the form NAME=value. A variable that is already set takes precedence over the file, and
rem in the file the last line of a name does. If DATABASE_PATH or DATABASE_URL is set, both are ignored in
rem the file. %%~B removes double quotes.
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
rem Standard output is reserved for the application. Delayed expansion, because a block in parentheses
rem expands percent variables before it runs.
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

rem Removes single quotes around the value of the variable named %1.
:single_quotes
setlocal EnableDelayedExpansion
set "zenith_value=!%1!"
if not "!zenith_value:~0,1!!zenith_value:~-1!"=="''" goto :eof
for /f "delims=" %%V in ("!zenith_value:~1,-1!") do endlocal & set "%1=%%V"
goto :eof
